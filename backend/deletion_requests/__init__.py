"""Deletion requests (删除申请): what a person asks to be deleted, what goes at once, and what the law has kept."""
