"""Interfile 3.3 and what cameras make of it (Todd-Pokropek and others 1992; m-intf(4))."""
