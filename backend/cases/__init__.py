"""What cases have in common (repairs, supplements, commitments, joint incentives …): steps, queues, clocks."""
