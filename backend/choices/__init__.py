"""Data choices (数据选择): which kinds of good deeds a person does not want to have recorded."""
