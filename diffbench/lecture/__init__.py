"""The lecture: every number of a trace where one can see it, as tables, as a program, as a graph."""
