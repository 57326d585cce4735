"""Accounts, roles, logging in."""
