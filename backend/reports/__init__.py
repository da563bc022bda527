"""Credit reports (信用报告) on signed paper, their verification by anyone, and a citizen's export of all data."""
