/** Dashboards and alerts name metrics that there are, with labels that they have. That Prometheus reads them is test/integration/monitoring. */
import { describe, expect, it } from 'vitest';
import { dashboardJson } from '../../config/monitoring/dashboard.ts';
import { DASHBOARDS } from '../../config/monitoring/dashboards.ts';
import { ALERTS, RECORDINGS } from '../../config/monitoring/rules.ts';
import { renderedMetricNames } from '../support/counters.ts';

const METRIC = /\b(?:skuprt|qdr|skupper|process)_\w+/g;
const HISTOGRAM_SUFFIX = /_(?:bucket|sum|count)$/;

const expressions = [
  ...DASHBOARDS.flatMap(({ uid, panels, variables }) => [
    ...panels.flatMap(({ title, queries }) => queries.map(({ expr }) => ({ where: `${uid}: ${title}`, expr }))),
    ...variables.map(({ name, metric }) => ({ where: `${uid}: $${name}`, expr: metric })),
  ]),
  ...ALERTS.map(({ alert, expr }) => ({ where: alert, expr })),
  ...RECORDINGS.map(({ record, expr }) => ({ where: record, expr })),
];

describe('dashboards and alerts', () => {
  it('name no metric that does not exist', async () => {
    const known = new Set(await renderedMetricNames());
    const exists = (name: string) => known.has(name) || known.has(name.replace(HISTOGRAM_SUFFIX, ''));
    const unknown = expressions.flatMap(({ where, expr }) =>
      (expr.match(METRIC) ?? []).filter((name) => !exists(name)).map((name) => `${where}: ${name}`),
    );
    expect(expressions.length).toBeGreaterThan(60);
    expect(unknown).toEqual([]);
    expect(expressions.filter(({ expr }) => expr.match(METRIC) === null)).toEqual([]);
  });

  it('say for each panel what is normal, and for each alert what to look at', () => {
    for (const { panels } of DASHBOARDS) {
      for (const { title, description } of panels) expect(description.length, title).toBeGreaterThan(6);
      expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    }
    for (const { alert, description } of ALERTS) expect(description.length, alert).toBeGreaterThan(40);
  });

  it('place panels beside and below each other, none over another', () => {
    for (const dashboard of DASHBOARDS) {
      const { panels } = JSON.parse(dashboardJson(dashboard)) as {
        panels: { gridPos: { x: number; y: number; w: number; h: number } }[];
      };
      const taken = new Set<string>();
      for (const { gridPos } of panels) {
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(x).toBeLessThan(24);
            expect(taken.has(`${x} ${y}`)).toBe(false);
            taken.add(`${x} ${y}`);
          }
      }
    }
  });
});
