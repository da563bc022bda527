"""Supplements 自主申报: a subject supplies data of its own, and the responsible department verifies it."""
