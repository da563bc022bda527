"""Credit repair 信用修复: who has put a breach right asks for its record to end; one acceptance, done once."""
