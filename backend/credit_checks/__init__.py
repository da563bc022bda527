"""Credit check (信用核查): departments ask about many subjects at once, for a stated legal purpose."""
