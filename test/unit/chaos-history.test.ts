/** What the chaos run holds against the routers: whether two of them had a way to each other all the time. */
import { describe, expect, it } from 'vitest';
import { History } from '../chaos/history.ts';

/** A line of three, closed to a ring. */
const EDGES = [
  [0, 1],
  [1, 2],
  [2, 0],
] as const;

describe('the history of a ring of three', () => {
  it('has no time apart while a way round is there', () => {
    const history = new History(3, EDGES, 0);
    history.edge(0, false, 100);
    history.edge(0, true, 900);
    expect(history.longestApartMs(0, 1, 0, 1000)).toBe(0);
  });

  it('has the time without any way, and no more of it than was asked about', () => {
    const history = new History(3, EDGES, 0);
    history.edge(0, false, 100);
    history.router(2, false, 200);
    history.router(2, true, 700);
    history.edge(0, true, 900);
    expect(history.longestApartMs(0, 1, 0, 1000)).toBe(500);
    expect(history.longestApartMs(0, 1, 400, 1000)).toBe(300);
    expect(history.longestApartMs(0, 1, 0, 300)).toBe(100);
    expect(history.longestApartMs(1, 0, 700, 1000)).toBe(0);
  });

  it('is apart until the last of two troubles of one link has ended', () => {
    const history = new History(2, [[0, 1]], 0);
    history.edge(0, false, 100);
    history.edge(0, false, 200);
    history.edge(0, true, 300);
    history.edge(0, true, 400);
    expect(history.longestApartMs(0, 1, 0, 1000)).toBe(300);
  });

  it('knows which router died when', () => {
    const history = new History(3, EDGES, 0);
    history.death(1, 500);
    expect(history.died([0, 1], 400, 600)).toBe(true);
    expect(history.died([0, 1], 501, 600)).toBe(false);
    expect(history.died([0, 2], 400, 600)).toBe(false);
  });
});
