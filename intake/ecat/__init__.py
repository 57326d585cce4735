"""ECAT 6 and 7: the files of CTI's positron scanners."""
