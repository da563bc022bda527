"""The public-credit catalogue 公共信用信息目录: what may be collected, from whom, on which basis, for how long."""
