"""信易+ benefits: schemes, who may have them, one-time codes, checks at the counter and redemptions."""
