"""The model component of a policy: learned, monotone, calibrated, capped, and explained to the last integer."""
