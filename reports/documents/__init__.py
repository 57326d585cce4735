"""What goes out: pages, PDF, objects for the archive, faxes."""
