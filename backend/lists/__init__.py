"""Lists of subjects (名单): the red list (红名单) and the statutory lists, read from records and never stored."""
