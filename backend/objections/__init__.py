"""Objections 异议: a citizen or enterprise says a record about them is wrong, and the city answers in time."""
