"""The three registers 三库: natural persons, enterprises and non-enterprise organisations, and their relations."""
