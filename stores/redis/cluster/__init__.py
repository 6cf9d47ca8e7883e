"""The store on Redis Cluster: buckets that share out the slots, each at one node at a time."""

from .store import ClusterStore

__all__ = ["ClusterStore"]
