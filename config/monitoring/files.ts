/** The generated files of config/monitoring, by path from the root of the repository: `npm run gen`. */
import { stringify } from 'yaml';
import { dashboardJson } from './dashboard.ts';
import { DASHBOARDS } from './dashboards.ts';
import { ruleGroups } from './rules.ts';

const FOLDER = 'config/monitoring';
const LABELS = { 'app.kubernetes.io/part-of': 'skuprt' };

export function monitoringFiles(): [string, string][] {
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'skuprt', labels: LABELS },
    spec: ruleGroups(),
  };
  return [
    [`${FOLDER}/rules.yaml`, document(ruleGroups())],
    [`${FOLDER}/operator/prometheus-rule.yaml`, document(rule)],
    ...DASHBOARDS.map((each): [string, string] => [`${FOLDER}/dashboards/${each.uid}.json`, dashboardJson(each)]),
  ];
}

function document(value: object): string {
  return `# Generated from config/monitoring by "npm run gen"; do not edit.\n${stringify(value, { lineWidth: 0 })}`;
}
