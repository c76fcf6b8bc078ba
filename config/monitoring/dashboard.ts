/** Grafana dashboards as JSON, from what they show: titles, queries, units. Placement and everything that is the same everywhere is made here. */

export interface Query {
  /** PromQL; `$__rate_interval` and the dashboard's variables are replaced by Grafana. */
  expr: string;
  legend: string;
}

export interface Panel {
  title: string;
  /** For who reads it: what is normal. */
  description: string;
  queries: readonly Query[];
  /** Of Grafana: `short`, `s`, `bytes`, `Bps`, `cps` (per second), `percentunit`, `d` (days). */
  unit: string;
  /** `timeseries` unless given; `stat` is one number, a quarter of the width. */
  type?: 'timeseries' | 'stat' | 'table';
  /** Numbers from here on are coloured: orange, red. */
  thresholds?: readonly [number, number];
}

export interface Variable {
  name: string;
  label: string;
  /** A metric that has the label `of`. */
  metric: string;
  of: string;
}

export interface Dashboard {
  /** Of the file and of the link. */
  uid: string;
  title: string;
  description: string;
  variables: readonly Variable[];
  panels: readonly Panel[];
}

const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
const COLUMNS = 24;
const STAT = { w: 6, h: 4 };
const GRAPH = { w: 12, h: 8 };

export function dashboardJson({ uid, title, description, variables, panels }: Dashboard): string {
  const json = {
    uid: `skuprt-${uid}`,
    title: `skuprt / ${title}`,
    description,
    tags: ['skuprt'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: [datasourceVariable(), ...variables.map(variableJson)] },
    links: [{ type: 'dashboards', title: 'skuprt', tags: ['skuprt'], asDropdown: true, includeVars: false }],
    panels: placed(panels).map(({ panel, gridPos }, index) => panelJson(panel, index + 1, gridPos)),
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

interface GridPosition {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** From left to right, then down. */
function placed(panels: readonly Panel[]): { panel: Panel; gridPos: GridPosition }[] {
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  return panels.map((panel) => {
    const { w, h } = panel.type === 'stat' ? STAT : GRAPH;
    if (x + w > COLUMNS || (rowHeight > 0 && h !== rowHeight)) {
      x = 0;
      y += rowHeight;
    }
    rowHeight = h;
    const gridPos = { x, y, w, h };
    x += w;
    return { panel, gridPos };
  });
}

function panelJson(
  { title, description, queries, unit, type = 'timeseries', thresholds }: Panel,
  id: number,
  gridPos: GridPosition,
) {
  const isTable = type === 'table';
  return {
    id,
    type,
    title,
    description,
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0, ...(thresholds && colours(thresholds)) }, overrides: [] },
    options: options(type),
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
      ...(isTable || type === 'stat' ? { instant: true, range: false } : { exemplar: true }),
      ...(isTable ? { format: 'table' } : {}),
    })),
  };
}

function options(type: NonNullable<Panel['type']>): object {
  if (type === 'stat') return { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'value', graphMode: 'none' };
  if (type === 'table') return { showHeader: true };
  return { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } };
}

/** Where less is worse, the second is below the first. */
function colours([orange, red]: readonly [number, number]) {
  const steps =
    orange <= red
      ? [step('green', null), step('orange', orange), step('red', red)]
      : [step('red', null), step('orange', red), step('green', orange)];
  return { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps } };
}

function step(color: string, value: number | null) {
  return { color, value };
}

function datasourceVariable() {
  return { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', hide: 0 };
}

function variableJson({ name, label, metric, of }: Variable) {
  const query = `label_values(${metric}, ${of})`;
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
    sort: 1,
  };
}
