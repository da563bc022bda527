"""桂城市, a made-up city: registers and deliveries as real departments would hand them in, dirt included.

Everything is drawn from one seed. Nobody in it exists: identity numbers and codes stand in regions 990001 to
990007, which were never assigned.
"""
