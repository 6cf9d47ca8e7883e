"""Implementations of the gate's store contracts."""
