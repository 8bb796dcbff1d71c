/**
 * Trees: nested records and arrays whose leaves are tensors (or anything that is not a plain record or array).
 * A leaf's path is its keys joined by dots, `encoder.fc1.kernel`; array positions count as keys.
 */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

function isBranch(node: unknown): node is Record<string, unknown> | readonly unknown[] {
  if (Array.isArray(node)) return true;
  if (typeof node !== "object" || node === null) return false;
  const prototype = Object.getPrototypeOf(node);
  return (prototype === Object.prototype || prototype === null) && !("dtype" in node && "shape" in node);
}

/** Calls `visit(leaf, path)` for every leaf, records in insertion order. `undefined` leaves are passed over. */
export function forEachLeaf<T>(tree: Tree<T>, visit: (leaf: T, path: string) => void, prefix = ""): void {
  if (!isBranch(tree)) {
    if (tree !== undefined) visit(tree as T, prefix);
    return;
  }
  for (const [key, child] of Object.entries(tree)) {
    forEachLeaf(child as Tree<T>, visit, prefix === "" ? key : `${prefix}.${key}`);
  }
}

/** All leaves with their paths, in order. */
export function flatten<T>(tree: Tree<T>): [path: string, leaf: T][] {
  const leaves: [string, T][] = [];
  forEachLeaf(tree, (leaf, path) => leaves.push([path, leaf]));
  return leaves;
}

/** A tree of the same shape with every leaf replaced by `f(leaf, path)`. */
export function mapTree<T, U>(tree: Tree<T>, f: (leaf: T, path: string) => U, prefix = ""): Tree<U> {
  if (!isBranch(tree)) return (tree === undefined ? undefined : f(tree as T, prefix)) as Tree<U>;
  const child = (node: unknown, key: string) => mapTree(node as Tree<T>, f, prefix === "" ? key : `${prefix}.${key}`);
  if (Array.isArray(tree)) return tree.map((node, i) => child(node, String(i)));
  return Object.fromEntries(Object.entries(tree).map(([key, node]) => [key, child(node, key)]));
}

/** The inverse of {@link flatten} for trees of records: `{"a.b": x}` becomes `{ a: { b: x } }`. Array positions become record keys. */
export function unflatten<T>(leaves: Iterable<readonly [path: string, leaf: T]>): Tree<T> {
  const root: Record<string, unknown> = {};
  for (const [path, leaf] of leaves) {
    if (path === "") return leaf;
    const keys = path.split(".");
    const last = keys.pop() as string;
    let node = root;
    for (const key of keys) {
      node[key] ??= {};
      node = node[key] as Record<string, unknown>;
    }
    node[last] = leaf;
  }
  return root as Tree<T>;
}
