"""What cases have in common (repairs, supplements, commitments, deletion requests): steps, queues, clocks."""
