"""Where the nodes of a computational graph stand: inputs left, layers by depth, few crossings, straight edges.

The method of Sugiyama, Tagawa and Toda (1981), as in Gansner, Koutsofios, North and Vo, "A technique for drawing
directed graphs" (1993): an edge that leaps over layers gets a waypoint in each; the layers are ordered by the mean
places of neighbours, sweep by sweep; then heights minimise the sum of (height of v - height of u)² over all edges,
under that order and the gaps. networkx finds the layers and stops there, and graphviz comes with no wheel.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import networkx as nx
import numpy as np

from diffbench.plotting import nondecreasing

SWEEPS = 24  # over the layers, to the right and to the left in turns
ROUNDS = 120  # of coordinate descent over the layers
STRAIGHTNESS = (1.0, 2.0, 8.0)  # how much an edge wants to be level if none, one, or both of its ends are waypoints

Edge = tuple[int, int]  # parent, child
Place = int | tuple[int, int, int]  # a node, or the waypoint (parent, child, column)
Layers = list[list[Place]]


@dataclass(frozen=True)
class Layout:
    """The column and height of each node, and the heights at which long edges pass the columns between."""

    columns: list[int]
    heights: list[float]
    waypoints: dict[Edge, list[float]]


def layered(parents: Sequence[Sequence[int]], gap: float, edge_gap: float) -> Layout:
    """Places for the nodes 0, 1, ... of an acyclic graph, given the parents of each.

    In a column, nodes are at least `gap` apart, and the edges that pass it `edge_gap`.

    >>> layered([[], [], [0, 1], [2, 0]], gap=1.0, edge_gap=0.5).columns
    [0, 0, 1, 2]
    """
    edges = [(parent, child) for child, own in enumerate(parents) for parent in dict.fromkeys(own)]
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(parents)))
    graph.add_edges_from(edges)
    column = {node: depth for depth, layer in enumerate(nx.topological_generations(graph)) for node in layer}
    links: nx.DiGraph = nx.DiGraph()
    links.add_nodes_from(range(len(parents)))
    for parent, child in edges:
        nx.add_path(links, [parent, *((parent, child, k) for k in range(column[parent] + 1, column[child])), child])
    layers: Layers = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for place in _from_the_inputs(links, len(parents)):
        layers[column[place] if isinstance(place, int) else place[2]].append(place)
    layers = _fewest_crossings(layers, links)
    height = _heights(layers, links, gap, edge_gap)
    waypoints = {(u, v): [height[u, v, k] for k in range(column[u] + 1, column[v])] for u, v in edges}
    nodes = range(len(parents))
    return Layout([column[node] for node in nodes], [height[node] for node in nodes], waypoints)


def _from_the_inputs(links: nx.DiGraph, nodes: int) -> list[Place]:
    """All places, depth first from the inputs: what hangs together starts side by side."""
    inputs = [node for node in range(nodes) if not links.in_degree(node)]
    return list(dict.fromkeys(place for node in inputs for place in nx.dfs_preorder_nodes(links, node)))


# ------------------------------------------------------------------------------------------------- order in a layer


def _fewest_crossings(layers: Layers, links: nx.DiGraph) -> Layers:
    """The best order found in sweeps that sort each layer by the mean place of its neighbours in the layer before."""
    best, fewest = layers, _crossings(layers, links)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        rightwards = sweep % 2 == 0
        neighbours = links.predecessors if rightwards else links.successors
        layers = [list(layer) for layer in layers]
        for k in range(1, len(layers)) if rightwards else range(len(layers) - 2, -1, -1):
            rank = {place: i for i, place in enumerate(layers[k - 1 if rightwards else k + 1])}
            own = {place: i for i, place in enumerate(layers[k])}
            means = {p: fmean(found) if (found := [rank[q] for q in neighbours(p)]) else own[p] for p in layers[k]}
            layers[k].sort(key=means.__getitem__)
        _swap_neighbours(layers, links)
        if (now := _crossings(layers, links)) < fewest:
            best, fewest = [list(layer) for layer in layers], now
    return best


def _swap_neighbours(layers: Layers, links: nx.DiGraph) -> None:
    """Swap two places side by side wherever that takes a crossing away."""
    rank = {place: i for layer in layers for i, place in enumerate(layer)}
    for layer in layers:
        for i in range(len(layer) - 1):
            upper, lower = layer[i], layer[i + 1]
            pairs = [(rank[a], rank[b]) for ends in (links.pred, links.succ) for a in ends[upper] for b in ends[lower]]
            if sum(a > b for a, b in pairs) > sum(a < b for a, b in pairs):
                layer[i], layer[i + 1] = lower, upper
                rank[lower], rank[upper] = i, i + 1


def _crossings(layers: Layers, links: nx.DiGraph) -> int:
    """How often edges cross: the inversions between each layer and the next."""
    total = 0
    for layer, following in pairwise(layers):
        rank = {place: i for i, place in enumerate(following)}
        ends: list[int] = []
        for place in layer:
            own = sorted(rank[child] for child in links.succ[place])
            total += sum(len(ends) - bisect_right(ends, end) for end in own)
            for end in own:
                insort(ends, end)
    return total


# ---------------------------------------------------------------------------------------------------------- heights


def _heights(layers: Layers, links: nx.DiGraph, gap: float, edge_gap: float) -> dict[Place, float]:
    """Heights that minimise the weighted squares of what edges rise or fall, under the order and the gaps.

    Layer by layer, the others held, the minimum is a weighted mean of the neighbours, made nondecreasing: so this is
    coordinate descent, and every step of it is exact.
    """
    pulls: dict[Place, list[tuple[Place, float]]] = defaultdict(list)
    for u, v in links.edges:
        weight = STRAIGHTNESS[isinstance(u, tuple) + isinstance(v, tuple)]
        pulls[u].append((v, weight))
        pulls[v].append((u, weight))
    weights = {place: sum(weight for _, weight in pulls[place]) or 1.0 for place in links}
    floors = [_floor(layer, gap, edge_gap) for layer in layers]
    height = {p: float(y) for layer, floor in zip(layers, floors) for p, y in zip(layer, floor - floor[-1] / 2)}
    there = list(zip(layers, floors))
    for turn in range(ROUNDS):
        moved = 0.0
        for layer, floor in there if turn % 2 == 0 else reversed(there):
            wanted = [sum(w * height[p] for p, w in pulls[q]) / weights[q] if pulls[q] else height[q] for q in layer]
            ground = nondecreasing(np.array(wanted) - floor, [weights[place] for place in layer])
            moved = max(moved, *(abs(height[p] - y) for p, y in zip(layer, ground + floor)))
            height.update(zip(layer, (ground + floor).tolist()))
        if moved < gap / 100:
            break
    return height


def _floor(layer: list[Place], gap: float, edge_gap: float) -> np.ndarray:
    """How far each place of a layer is from the first at least."""
    sizes = np.array([gap if isinstance(place, int) else edge_gap for place in layer])
    return np.concatenate([[0.0], np.cumsum((sizes[1:] + sizes[:-1]) / 2)])
