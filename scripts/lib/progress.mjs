// Progress of long steps, on stderr: one line that renews itself on a terminal; elsewhere (a log, a pipe) a new
// line every ten seconds, so that nobody takes a working set-up for a hanging one. Results go to nobody's stdout.

const QUIET_INTERVAL = 10_000 // milliseconds between lines when stderr is no terminal
const TERMINAL_INTERVAL = 200

/** Starts a step; call `update` as often as you like, then exactly one of `done` and `fail`. */
export function startStep(name) {
  const started = performance.now()
  const terminal = process.stderr.isTTY === true
  let state = { fraction: undefined, text: '' }
  let drawn = false

  const draw = () => {
    const percent = state.fraction === undefined ? '' : ` ${Math.floor(state.fraction * 100)} %`
    const line = `${name}:${percent} ${clock(performance.now() - started)}${state.text ? `  ${state.text}` : ''}`
    if (terminal) process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns || 80) - 1)}`)
    else process.stderr.write(`${line}\n`)
    drawn = true
  }
  const timer = setInterval(draw, terminal ? TERMINAL_INTERVAL : QUIET_INTERVAL)
  timer.unref()

  const finish = (mark, text) => {
    clearInterval(timer)
    if (terminal && drawn) process.stderr.write('\r\x1b[K')
    process.stderr.write(`${mark} ${name}${text ? `: ${text}` : ''}\n`)
  }
  return {
    /** `fraction` from 0 to 1, or undefined when nobody can know. */
    update(fraction, text = '') {
      state = { fraction, text }
    },
    elapsed: () => clock(performance.now() - started),
    done: (text = '') => finish('ok', text),
    fail: (text = '') => finish('FAILED', text),
  }
}

function clock(milliseconds) {
  const seconds = Math.round(milliseconds / 1000)
  return seconds < 60
    ? `${seconds} s`
    : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
}
