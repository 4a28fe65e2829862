// Runs in the browser, on the pages that the links of mails lead to. Nothing is used up by opening one: only the button does.

const MUTATIONS = {
  'verify-email': 'mutation ($token: String!) { verifyEmail(token: $token) { __typename } }',
  'reset-password':
    // Signs out in the same operation: nothing would use the session that a reset opens.
    'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename } logout { __typename } }',
  'change-email': 'mutation ($token: String!) { confirmEmailChange(token: $token) { __typename } }',
};

const ENGLISH = {
  pages: {
    'verify-email': {
      title: 'Confirm your e-mail address',
      explanation: 'One click, and we know that the address is yours.',
      button: 'Confirm',
      done: 'Thank you. Your e-mail address is confirmed; you can close this page.',
      invalid:
        'This link is too old, or for another address than that of the account by now. If your address is not confirmed yet, sign in and ask for a new link.',
    },
    'reset-password': {
      title: 'Choose a new password',
      explanation: 'It replaces the old one, and signs you out everywhere.',
      button: 'Save the new password',
      done: 'Your new password is saved. You can close this page and sign in with it.',
      invalid: 'This link has expired or was used before. Please ask for a new one.',
    },
    'change-email': {
      title: 'Change your e-mail address',
      explanation: 'From then on you sign in with the address that got this link.',
      button: 'Change',
      done: 'Your e-mail address is changed. Please sign in with the new one from now on.',
      invalid:
        'This link is too old, or another change came first. If the address of your account is not this one, sign in and ask for the change again.',
    },
  },
  newPassword: 'New password',
  showPassword: 'Show the password',
  noToken: 'This link is not complete. Please open it from the mail again, or copy all of it.',
  errors: {
    EMAIL_TAKEN: 'This address belongs to another account by now. Nothing was changed.',
    WEAK_PASSWORD: 'This password is too short, too common, or your own name or address. Please choose another.',
    BAD_USER_INPUT: 'This password is too long: it may have 128 characters. Please choose another.',
    RATE_LIMITED: 'Too many attempts. Please try again in a few minutes.',
    SERVICE_OVERLOADED: 'There is too much to do at the moment. Please try again in a minute.',
  },
  failed: 'That did not work. Please try again in a minute.',
};

const KOREAN = {
  pages: {
    'verify-email': {
      title: '이메일 주소 확인',
      explanation: '아래 버튼을 누르시면 이 주소가 본인의 것으로 확인됩니다.',
      button: '확인하기',
      done: '감사합니다. 이메일 주소가 확인되었습니다. 이 페이지를 닫으셔도 됩니다.',
      invalid:
        '링크가 만료되었거나 현재 계정의 주소와 다른 주소로 보내 드린 것입니다. 아직 주소를 확인하지 않으셨다면 로그인하여 새 링크를 요청해 주세요.',
    },
    'reset-password': {
      title: '새 비밀번호 설정',
      explanation: '기존 비밀번호를 대신하며, 모든 기기에서 로그아웃됩니다.',
      button: '새 비밀번호 저장하기',
      done: '새 비밀번호가 저장되었습니다. 이 페이지를 닫고 새 비밀번호로 로그인해 주세요.',
      invalid: '링크가 만료되었거나 이미 사용되었습니다. 새 링크를 요청해 주세요.',
    },
    'change-email': {
      title: '이메일 주소 변경',
      explanation: '변경 후에는 이 링크를 받으신 주소로 로그인하시게 됩니다.',
      button: '변경하기',
      done: '이메일 주소가 변경되었습니다. 이제 새 주소로 로그인해 주세요.',
      invalid:
        '링크가 만료되었거나 이후에 다른 변경이 있었습니다. 계정의 주소가 이 주소가 아니라면 로그인하여 변경을 다시 요청해 주세요.',
    },
  },
  newPassword: '새 비밀번호',
  showPassword: '비밀번호 표시',
  noToken: '링크가 완전하지 않습니다. 메일에서 링크를 다시 여시거나 전체 주소를 복사해 주세요.',
  errors: {
    EMAIL_TAKEN: '이 주소는 이미 다른 계정에서 사용 중입니다. 아무것도 변경되지 않았습니다.',
    WEAK_PASSWORD: '비밀번호가 너무 짧거나 흔하거나, 본인의 이름 또는 주소와 같습니다. 다른 비밀번호를 선택해 주세요.',
    BAD_USER_INPUT: '비밀번호가 너무 깁니다. 128자까지 사용하실 수 있습니다. 다른 비밀번호를 선택해 주세요.',
    RATE_LIMITED: '시도 횟수가 너무 많습니다. 몇 분 후에 다시 시도해 주세요.',
    SERVICE_OVERLOADED: '지금은 요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.',
  },
  failed: '처리하지 못했습니다. 잠시 후 다시 시도해 주세요.',
};

const byId = (id) => document.getElementById(id);
const page = location.pathname.split('/').pop();
const token = new URLSearchParams(location.hash.slice(1)).get('token');
// Out of the address bar, so that it is in no history, bookmark or screenshot; a reload needs the mail again.
history.replaceState(null, '', location.pathname);

const language = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === 'ko' || tag === 'en') ?? 'en';
const words = language === 'ko' ? KOREAN : ENGLISH;
const { title, explanation, button, done, invalid } = words.pages[page];
const complaints = new Map(Object.entries({ ...words.errors, INVALID_TOKEN: invalid }));
const isReset = page === 'reset-password';

document.documentElement.lang = language;
document.title = title;
byId('title').textContent = title;
byId('button').textContent = button;
byId('new-password-label').textContent = words.newPassword;
byId('show-label').textContent = words.showPassword;

if (token) {
  byId('explanation').textContent = explanation;
  byId('password').hidden = !isReset;
  byId('new-password').required = isReset;
  byId('form').hidden = false;
} else complain(words.noToken);

// Another link that is opened in the same tab changes nothing but the fragment.
addEventListener('hashchange', () => location.reload());

byId('show').addEventListener('change', ({ target }) => {
  byId('new-password').type = target.checked ? 'text' : 'password';
});

byId('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  byId('button').disabled = true;
  byId('outcome').textContent = '';
  const code = await send().catch(() => 'FAILED');
  if (code === null) return finish();
  complain(complaints.get(code) ?? words.failed);
  byId('button').disabled = false;
  if (isReset) byId('new-password').focus();
});

/** Null where it worked, else the code of what kept it from working. */
async function send() {
  const newPassword = byId('new-password').value;
  const variables = isReset ? { input: { token, newPassword } } : { token };
  const response = await fetch('../graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: MUTATIONS[page], variables }),
  });
  const { errors } = await response.json();
  return errors ? (errors[0]?.extensions?.code ?? 'FAILED') : null;
}

function finish() {
  byId('form').remove();
  byId('explanation').remove();
  byId('outcome').className = '';
  byId('outcome').textContent = done;
}

function complain(text) {
  byId('outcome').className = 'bad';
  byId('outcome').textContent = text;
}
