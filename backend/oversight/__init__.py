"""Oversight (访问监督): unusual reading by officers raises alerts, citizens complain, auditors look into both."""
