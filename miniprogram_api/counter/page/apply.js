// Applying to become a partner, and looking after the application with its receipt.
const API = '/api/v1/public'
const byId = (id) => document.getElementById(id)
let termsDigest = ''
// One key for one application, however often the button is pressed; a changed form is a new one.
let key = newKey()

// crypto.randomUUID is missing on plain http in a local network.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

async function ask(method, path, body, withKey = newKey()) {
  let answer
  try {
    answer = await fetch(API + path, {
      method,
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': withKey },
      body: body && JSON.stringify(body),
    })
  } catch {
    throw new Error('网络不通，请检查网络后再试。')
  }
  const told = await answer.json().catch(() => ({}))
  if (!answer.ok) throw new Error(told.detail || '服务暂时不可用，请稍后再试。')
  return told
}

async function step(button, work) {
  byId('message').hidden = true
  button.disabled = true
  try {
    await work()
  } catch (problem) {
    byId('message').textContent = problem.message
    byId('message').hidden = false
    byId('message').scrollIntoView()
  }
  button.disabled = false
}

function onSubmit(id, work) {
  byId(id).addEventListener('submit', (event) => {
    event.preventDefault()
    step(byId(id).querySelector('button'), work)
  })
}

function line(text, className = '') {
  const made = document.createElement('p')
  made.textContent = text
  made.className = className
  return made
}

function showStatus(told, ...more) {
  const lines = [line(`${told.name}：${told.state_name}`)]
  if (told.reason) lines.push(line(`原因：${told.reason}`))
  if (told.contract) lines.push(line(`合同 ${told.contract.number}，${told.contract.starts_on} 至 ${told.contract.ends_on}`))
  if (told.client_id) lines.push(line(`商户代码（client_id）：${told.client_id}`))
  byId('status').replaceChildren(...more, ...lines)
  byId('get-code').hidden = told.state !== 'approved'
  byId('withdraw').hidden = told.state !== 'filed'
}

const receipt = () => ({ receipt: byId('receipt').value.trim() })

byId('form').addEventListener('input', () => { key = newKey() })
onSubmit('form', async () => {
  const schemes = [...document.querySelectorAll('#schemes input:checked')].map((one) => one.value)
  if (!schemes.length) throw new Error('请至少选择一项想提供的权益。')
  const filed = await ask('POST', '/partner-applications', {
    name: byId('name').value.trim(),
    public_code: byId('public-code').value.trim(),
    store_name: byId('store-name').value.trim(),
    contact_name: byId('contact-name').value.trim(),
    contact_phone: byId('contact-phone').value.trim(),
    schemes,
    terms_digest: termsDigest,
  }, key)
  byId('receipt').value = filed.receipt
  showStatus(filed, line('请记下回执号，它只显示这一次：'), line(filed.receipt, 'code'))
  byId('form-part').hidden = true
})
onSubmit('status-form', async () => showStatus(await ask('POST', '/partner-applications/status', receipt())))
byId('withdraw').addEventListener('click', () => step(byId('withdraw'), async () => {
  showStatus(await ask('POST', '/partner-applications/withdrawal', receipt()))
}))
byId('get-code').addEventListener('click', () => step(byId('get-code'), async () => {
  const told = await ask('POST', '/partner-applications/sign-in-code', receipt())
  byId('status').prepend(line('店长登录码，24 小时内用一次：'), line(told.sign_in_code, 'code'))
}))

step(byId('form').querySelector('button'), async () => {
  const [terms, schemes] = await Promise.all([ask('GET', '/partner-terms'), ask('GET', '/schemes')])
  termsDigest = terms.digest
  byId('terms-title').textContent = terms.title
  byId('terms').replaceChildren(...terms.clauses.map((clause) => {
    const item = document.createElement('li')
    item.append(line(clause.text), line(clause.basis, 'note'))
    return item
  }))
  byId('schemes').replaceChildren(...schemes.items.map((scheme) => {
    const label = document.createElement('label')
    label.className = 'tick'
    const box = document.createElement('input')
    box.type = 'checkbox'
    box.value = scheme.code
    label.append(box, ` ${scheme.scene_name} · ${scheme.name}`)
    return label
  }))
})
