"""The arithmetic of credit: policies, one integer kernel, explanations, simulation, an SQL audit copy.

Pure: no web framework, no database, no clock, no environment. Everything a result depends on is an argument.
"""
