/**
 * `npm run build`: the product's TypeScript compiled into `dist/`, as the package ships it. Nothing is bundled: one
 * module in, one module out, and the dependencies stay the package's own.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PAGE = 'console/page';
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));

rmSync(join(root, 'dist'), { recursive: true, force: true });
compile('--project', 'tsconfig.build.json');
// The console's page knows the types of browsers, and comes with files that are no modules.
compile('--project', 'console/page', '--noEmit', 'false', '--outDir', 'dist');
cpSync(join(root, PAGE), join(root, 'dist', PAGE), {
  recursive: true,
  filter: (path) => !path.endsWith('.ts') && !path.endsWith('tsconfig.json'),
});
chmodSync(join(root, 'dist/cli/main.js'), 0o755);

function compile(...args: readonly string[]): void {
  execFileSync(process.execPath, [join(typescript, 'bin', 'tsc'), ...args], { cwd: root, stdio: 'inherit' });
}
