"""Estimators with the names and parameters of other libraries'."""
