"""A vendor's DOS translator in DOSBox: the only program that reads some old cameras' files."""
