import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(__dirname, '../..')
const SOURCES = ['src', 'compiler', 'vite.config.ts', 'package-lock.json']

/** The tests look at what WeChat would be given, so it is built first, unless it is newer than every source. */
export default function buildForWeixin(): void {
  const built = join(ROOT, 'dist/build/mp-weixin/app.js')
  const newest = Math.max(...SOURCES.map((source) => changedAt(join(ROOT, source))))
  if (existsSync(built) && statSync(built).mtimeMs > newest) return
  execFileSync('npm', ['run', 'build:mp-weixin'], { cwd: ROOT, stdio: 'inherit' })
}

function changedAt(path: string): number {
  const { mtimeMs } = statSync(path)
  if (!statSync(path).isDirectory()) return mtimeMs
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => changedAt(join(path, name))))
}
