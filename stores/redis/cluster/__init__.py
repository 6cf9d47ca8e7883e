"""The store on Redis Cluster: buckets that share out the slots, each at one node at a time."""

from .parts import ClusterParts, is_cluster
from .store import ClusterStore

__all__ = ["ClusterParts", "ClusterStore", "is_cluster"]
