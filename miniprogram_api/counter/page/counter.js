// The scanner page: sign in with a one-time code, scan or type the customer's code, yes or no, redeem, take back.
const API = '/api/v1/counter'
const TOKEN = 'osmanthus-counter-token'
const SCHEME = 'osmanthus-counter-scheme'
const byId = (id) => document.getElementById(id)

let schemes = []
let check = null
let redemption = null
let stopCamera = () => {}
let endsTimer = 0

class Problem extends Error {
  constructor(code, detail) {
    super(detail)
    this.code = code
  }
}

/** One request. Whatever acts has one key for all its tries, so it is done once however bad the network is. */
async function ask(method, path, body) {
  const headers = { 'Content-Type': 'application/json' }
  const token = localStorage.getItem(TOKEN)
  if (token) headers.Authorization = `Bearer ${token}`
  if (method !== 'GET') headers['Idempotency-Key'] = newKey()
  const options = { method, headers, body: body && JSON.stringify(body) }
  for (let tries = 1; ; tries += 1) {
    let answer = null
    try {
      answer = await fetch(API + path, options)
    } catch {
      if (tries === 3) throw new Problem('offline', '网络不通，这一步可能没有完成。请检查网络后再试。')
    }
    if (answer && (answer.status !== 503 || tries === 3)) return read(answer)
    await new Promise((done) => setTimeout(done, tries * 700))
  }
}

async function read(answer) {
  if (answer.status === 204) return null
  const body = await answer.json().catch(() => ({}))
  if (answer.ok) return body
  if (answer.status === 401 && localStorage.getItem(TOKEN)) {
    localStorage.removeItem(TOKEN)
    show('sign-in')
  }
  throw new Problem(body.code, body.detail || '服务暂时不可用，请稍后再试。')
}

// crypto.randomUUID is missing on plain http in a local network.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Run one step with its button resting, and say what went wrong where everyone sees it. */
async function step(button, work) {
  byId('message').hidden = true
  if (button) button.disabled = true
  try {
    await work()
  } catch (problem) {
    tell(problem.message)
  } finally {
    if (button) button.disabled = false
  }
}

function tell(text) {
  byId('message').textContent = text
  byId('message').hidden = false
}

function show(view) {
  stopCamera()
  const signedIn = view !== 'sign-in'
  for (const section of document.querySelectorAll('section')) section.hidden = section.id !== view
  byId('tabs').hidden = byId('sign-out').hidden = !signedIn
  if (!signedIn) byId('where').textContent = ''
  for (const tab of byId('tabs').children) {
    const current = tab.dataset.view === view || (view === 'result' && tab.dataset.view === 'check')
    if (current) tab.setAttribute('aria-current', 'page')
    else tab.removeAttribute('aria-current')
  }
}

async function open() {
  const me = await ask('GET', '/me')
  byId('where').textContent = `${me.partner} · ${me.store} · ${me.nickname}`
  byId('staff-tab').hidden = me.role !== 'manager'
  byId('affairs-tab').hidden = !me.heads_partner
  schemes = me.schemes
  byId('scheme').replaceChildren(...schemes.map((one) => new Option(`${one.scene_name} · ${one.name}`, one.code)))
  const usual = localStorage.getItem(SCHEME)
  if (schemes.some((one) => one.code === usual)) byId('scheme').value = usual
  noteScheme()
  if (!schemes.length) tell('本单位还没有参加现在有效的权益方案，请联系信用办。')
  byId('camera-start').hidden = !(await canScan())
  show('check')
}

function noteScheme() {
  const chosen = schemes.find((one) => one.code === byId('scheme').value)
  byId('scheme-note').textContent = chosen ? chosen.summary : ''
  if (chosen) localStorage.setItem(SCHEME, chosen.code)
}

async function canScan() {
  if (!('BarcodeDetector' in window) || !navigator.mediaDevices?.getUserMedia) return false
  return (await window.BarcodeDetector.getSupportedFormats()).includes('qr_code')
}

async function scan() {
  const video = byId('video')
  let stream
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  } catch {
    throw new Problem('camera', '没有打开摄像头：请在浏览器里允许使用摄像头，或在下面输入凭码。')
  }
  let running = true
  stopCamera = () => {
    running = false
    stream.getTracks().forEach((track) => track.stop())
    video.srcObject = null
    byId('camera').hidden = true
    byId('camera-start').hidden = false
    stopCamera = () => {}
  }
  video.srcObject = stream
  byId('camera').hidden = false
  byId('camera-start').hidden = true
  await video.play()
  const detector = new window.BarcodeDetector({ formats: ['qr_code'] })
  while (running) {
    const [found] = await detector.detect(video).catch(() => [])
    if (found && running) {
      stopCamera()
      await checkCode(found.rawValue)
      return
    }
    await new Promise((done) => setTimeout(done, 150))
  }
}

async function checkCode(code) {
  const scheme = byId('scheme').value
  check = await ask('POST', '/checks', { code: code.trim(), scheme })
  byId('code').value = ''
  redemption = null
  showResult()
}

function showResult() {
  const { eligible, terms } = check
  const chosen = schemes.find((one) => one.code === check.scheme.code)
  byId('result').dataset.told = eligible ? 'yes' : 'no'
  byId('result-title').textContent = redemption?.cancelled_at
    ? '已撤销'
    : redemption ? '✓ 已核销' : eligible ? '✓ 符合' : '不符合'
  byId('result-scheme').textContent = check.scheme.name
  byId('result-terms').textContent = eligible ? terms.summary : '请按没有这项优惠的规定正常接待。'
  const details = eligible ? terms.details || [] : ['原因只有顾客自己能在手机上看到；不要反复核验，也不要追问。']
  byId('result-details').replaceChildren(...details.map((text) => element('li', text)))
  byId('result-documents').textContent =
    eligible && chosen?.documents.length ? `请核对证件材料：${chosen.documents.join('、')}` : ''
  byId('redeem-form').hidden = !eligible || Boolean(redemption)
  byId('amount-row').hidden = !chosen?.needs_amount
  byId('amount').value = ''
  byId('settled').hidden = !redemption
  if (redemption) {
    const money = redemption.settled_cents ? `，市里结算 ${yuan(redemption.settled_cents)} 元` : ''
    byId('settled').textContent = redemption.cancelled_at
      ? '次数和额度已退回给顾客。'
      : `${clock(redemption.redeemed_at)} 核销${money}`
  }
  byId('undo').hidden = !redemption || Boolean(redemption.cancelled_at)
  countDown()
  show('result')
  byId('result-title').focus()
}

function countDown() {
  clearInterval(endsTimer)
  const left = () => Math.floor((new Date(check.expires_at) - Date.now()) / 1000)
  const draw = () => {
    const seconds = left()
    byId('result-ends').textContent =
      seconds > 0 ? `请在 ${Math.ceil(seconds / 60)} 分钟内核销` : '核验已过期，请顾客出示新的凭码。'
    if (seconds <= 0) clearInterval(endsTimer)
  }
  draw()
  endsTimer = setInterval(draw, 1000)
}

async function redeem() {
  let amount = null
  if (!byId('amount-row').hidden) {
    const given = byId('amount').value.trim()
    if (!/^\d{1,8}(\.\d{1,2})?$/.test(given)) throw new Problem('amount', '请填写优惠前金额，单位元，如 68.00。')
    amount = cents(given)
  }
  redemption = await ask('POST', '/redemptions', { check_id: check.check_id, amount_cents: amount })
  showResult()
}

/** Digits, never a float: 0.29 × 100 is not 29. */
function cents(text) {
  const [whole, part = ''] = text.split('.')
  return Number(whole) * 100 + Number(part.padEnd(2, '0'))
}

function yuan(amount) {
  return `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, '0')}`
}

function clock(moment) {
  return new Date(moment).toLocaleTimeString('zh-CN', { hour: '2-digit', minute: '2-digit' })
}

async function takeBack(id) {
  if (!(await isSure('撤销这笔核销？次数和额度都会退回给顾客。'))) return null
  return ask('POST', `/redemptions/${id}/cancellation`)
}

function isSure(text) {
  const dialog = byId('sure')
  byId('sure-text').textContent = text
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise((done) => dialog.addEventListener('close', () => done(dialog.returnValue === 'yes'), { once: true }))
}

async function showUses() {
  const { items } = await ask('GET', '/redemptions')
  byId('uses-empty').hidden = items.length > 0
  byId('uses-list').replaceChildren(
    ...items.map((use) => {
      const scheme = schemes.find((one) => one.code === use.scheme)?.name || use.scheme
      const row = element('li')
      row.append(
        element('strong', `${clock(use.redeemed_at)} ${scheme}`),
        element('p', `${use.terms.summary} · ${use.nickname}${use.cancelled_at ? ' · 已撤销' : ''}`, 'note'),
      )
      if (!use.cancelled_at) {
        row.append(action('撤销', async () => { if (await takeBack(use.redemption_id)) await showUses() }))
      }
      return row
    }),
  )
  show('uses')
}

async function showStaff() {
  const { items } = await ask('GET', '/staff')
  byId('staff-list').replaceChildren(
    ...items.map((one) => {
      const row = element('li')
      const active = one.state === 'active'
      row.append(
        element('strong', one.nickname),
        element('p', `${one.role === 'manager' ? '店长' : '店员'}${active ? '' : ' · 已停用'}`, 'note'),
      )
      if (active) {
        row.append(
          action('发新的登录码', async () => showCode(await ask('POST', `/staff/${one.id}/sign-in-code`))),
          action('停用', async () => {
            if (!(await isSure(`停用“${one.nickname}”？其手机会立即退出。`))) return
            await ask('POST', `/staff/${one.id}/suspension`)
            await showStaff()
          }),
        )
      } else {
        row.append(action('恢复', async () => { await ask('DELETE', `/staff/${one.id}/suspension`); await showStaff() }))
      }
      return row
    }),
  )
  show('staff')
}

async function showAffairs() {
  const [{ items }, affairs] = await Promise.all([ask('GET', '/stores'), ask('GET', '/affairs')])
  const redraw = async (work) => { await work; await showAffairs() }
  byId('store-list').replaceChildren(
    ...items.map((store) => {
      const row = element('li')
      const closed = store.state === 'closed'
      row.append(
        element('strong', store.name),
        element('p', `${closed ? '已关闭' : `店员 ${store.staff} 人`}${store.own ? ' · 您在这里' : ''}`, 'note'),
      )
      if (closed) row.append(action('重新开放', () => redraw(ask('DELETE', `/stores/${store.id}/closure`))))
      else if (!store.own) {
        row.append(action('关闭', async () => {
          if (await isSure(`关闭“${store.name}”？那里的手机会立即不能再用，以后可以重新开放。`)) {
            await redraw(ask('POST', `/stores/${store.id}/closure`))
          }
        }))
      }
      return row
    }),
  )
  byId('contract-list').replaceChildren(
    ...affairs.contracts.map((one) => element('li', `${one.number}：${one.starts_on} 至 ${one.ends_on}`)),
  )
  const [last] = affairs.contracts
  byId('renewal-note').textContent = affairs.renewal_asked_at
    ? '已申请续签，请等信用办办理。'
    : last ? '期满次日自动停止核验和核销，请提前申请续签。' : '没有合同：由信用办直接登记，不会自动到期。'
  byId('renew').hidden = Boolean(affairs.renewal_asked_at) || !last
  byId('renew').dataset.terms = affairs.terms_digest
  byId('renew').textContent = `申请续签，接受“${affairs.terms_title}”`
  byId('quota').textContent = `接口每分钟最多核验 ${affairs.checks_per_minute} 次；扫码核销页不另限。`
  byId('usage-list').replaceChildren(
    ...affairs.usage.map((line) => {
      const row = element('li')
      row.append(
        element('strong', `${line.day} · ${line.store}`),
        element('p', `${line.scheme_code}：核验 ${line.checks}，符合 ${line.eligible}，核销 ${line.redemptions}，撤销 ${line.cancellations}`, 'note'),
      )
      return row
    }),
    ...(affairs.usage.length ? [] : [element('li', '近 30 天没有核验。')]),
  )
  byId('key-list').replaceChildren(
    ...affairs.keys.map((key) => element('li', `${key.kid}：${key.state === 'active' ? '在用' : '已停用'}`)),
    ...(affairs.keys.length ? [] : [element('li', '没有公钥：只用扫码核销页。')]),
  )
  show('affairs')
}

function showCode(one) {
  byId('new-code').textContent = `${one.nickname} 的登录码 ${one.sign_in_code}`
  byId('new-code').hidden = false
}

function element(tag, text = '', className = '') {
  const made = document.createElement(tag)
  made.textContent = text
  if (className) made.className = className
  return made
}

function action(text, work) {
  const button = element('button', text)
  button.type = 'button'
  button.addEventListener('click', () => step(button, work))
  return button
}

function onSubmit(id, work) {
  byId(id).addEventListener('submit', (event) => {
    event.preventDefault()
    step(byId(id).querySelector('button'), work)
  })
}

onSubmit('sign-in-form', async () => {
  const { token } = await ask('POST', '/sign-in', { code: byId('sign-in-code').value })
  localStorage.setItem(TOKEN, token)
  byId('sign-in-code').value = ''
  await open()
})
onSubmit('code-form', () => checkCode(byId('code').value))
onSubmit('redeem-form', redeem)
onSubmit('staff-form', async () => {
  const made = await ask('POST', '/staff', { nickname: byId('nickname').value.trim() })
  byId('nickname').value = ''
  await showStaff()
  showCode(made)
})
onSubmit('store-form', async () => {
  const made = await ask('POST', '/stores', { name: byId('store-name').value.trim() })
  byId('store-name').value = ''
  await showAffairs()
  byId('store-code').textContent = `${made.name}店长的登录码 ${made.manager.sign_in_code}`
  byId('store-code').hidden = false
})
byId('renew').addEventListener('click', () => step(byId('renew'), async () => {
  if (!(await isSure('申请续签，并接受现行的合作条款？条款全文见在线申请页。'))) return
  await ask('POST', '/affairs/renewal', { terms_digest: byId('renew').dataset.terms })
  await showAffairs()
}))
byId('scheme').addEventListener('change', noteScheme)
byId('camera-start').addEventListener('click', () => step(null, scan))
byId('camera-stop').addEventListener('click', () => stopCamera())
byId('undo').addEventListener('click', () => step(byId('undo'), async () => {
  const taken = await takeBack(redemption.redemption_id)
  if (taken) { redemption = taken; showResult() }
}))
byId('next').addEventListener('click', () => show('check'))
byId('tabs').addEventListener('click', (event) => {
  const view = event.target.dataset.view
  byId('new-code').hidden = true
  if (view === 'check') show('check')
  if (view === 'uses') step(event.target, showUses)
  if (view === 'staff') step(event.target, showStaff)
  byId('store-code').hidden = true
  if (view === 'affairs') step(event.target, showAffairs)
})
byId('sign-out').addEventListener('click', () => step(byId('sign-out'), async () => {
  if (!(await isSure('退出后，这台手机要用新的登录码才能再登录。'))) return
  await ask('DELETE', '/sign-in')
  localStorage.removeItem(TOKEN)
  show('sign-in')
}))

if (localStorage.getItem(TOKEN)) step(null, open)
else show('sign-in')
