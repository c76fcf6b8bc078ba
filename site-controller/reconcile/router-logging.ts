/** The Site's setting `router-logging`: `LEVEL` or `MODULE:LEVEL`, comma separated, such as `info,ROUTER_CORE:debug`. Pure. */
import type { RouterEntity } from './observed.ts';

const LEVEL = /^(trace|debug|info|warning|error|critical|none)\+?$/;
const MODULE = /^[A-Z_]+$/;

/** One `log` entity a module, the last of several for one counts; what is wrong with the text, if anything is. */
export function routerLogging(text: string | undefined): { entities: RouterEntity[]; fault?: string } {
  const levels = new Map<string, string>();
  for (const part of (text ?? '').split(',').filter((piece) => piece.trim() !== '')) {
    const [level = '', module = 'DEFAULT'] = part.trim().split(':').reverse();
    if (!LEVEL.test(level) || !MODULE.test(module) || part.split(':').length > 2) {
      const fault = `settings["router-logging"]: "${part.trim()}" is not LEVEL or MODULE:LEVEL, such as info or ROUTER_CORE:debug+`;
      return { entities: [], fault };
    }
    levels.set(module, level.endsWith('+') || level === 'none' ? level : `${level}+`);
  }
  return { entities: [...levels].map(([module, enable]) => ['log', { module, enable }]) };
}
