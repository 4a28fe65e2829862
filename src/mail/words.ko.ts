import { MailKind } from './mail.entity.js';
import type { Facts, Words } from './words.js';

const VALID = '링크는 이 메일을 보내 드린 때부터 1시간 동안 유효합니다.';
const VALID_ONCE = '링크는 이 메일을 보내 드린 때부터 1시간 동안 유효하며, 한 번만 사용하실 수 있습니다.';

const greeting = (name: string | null) => (name ? `${name} 님, 안녕하세요.` : '안녕하세요.');
const orOpen = '버튼이 작동하지 않으면 아래 주소를 브라우저에서 열어 주세요.';

export const korean: Record<MailKind, (facts: Facts) => Words> = {
  [MailKind.VERIFY_EMAIL]: ({ name, service }) => ({
    subject: `${service} 이메일 주소를 확인해 주세요`,
    greeting: greeting(name),
    before: [`${service}에 가입해 주셔서 감사합니다. 이 이메일 주소가 본인의 것인지 확인해 주세요.`, VALID],
    button: '이메일 주소 확인하기',
    orOpen,
    after: ['가입하신 적이 없다면 이 메일을 무시하셔도 됩니다. 주소는 확인되지 않은 상태로 남습니다.'],
  }),

  [MailKind.RESET_PASSWORD]: ({ name, service }) => ({
    subject: `${service} 비밀번호를 새로 설정해 주세요`,
    greeting: greeting(name),
    before: [`${service} 계정의 비밀번호 재설정 요청을 받았습니다.`, VALID_ONCE],
    button: '새 비밀번호 설정하기',
    orOpen,
    after: ['요청하신 적이 없다면 이 메일을 무시하셔도 됩니다. 비밀번호는 바뀌지 않습니다.'],
  }),

  [MailKind.CHANGE_EMAIL]: ({ name, service }) => ({
    subject: `${service} 새 이메일 주소를 확인해 주세요`,
    greeting: greeting(name),
    before: [`${service} 계정의 이메일 주소를 이 주소로 변경해 달라는 요청을 받았습니다. 변경을 확인해 주세요.`, VALID],
    button: '이메일 주소 변경하기',
    orOpen,
    after: ['요청하신 적이 없다면 이 메일을 무시하셔도 됩니다. 아무것도 바뀌지 않습니다.'],
  }),

  [MailKind.EMAIL_CHANGED]: ({ name, service }) => ({
    subject: `${service} 이메일 주소가 변경되었습니다`,
    greeting: greeting(name),
    before: [
      `${service} 계정의 이메일 주소가 변경되었습니다. 이제 새 주소로 로그인해 주세요. 이 주소로는 더 이상 메일을 보내 드리지 않습니다.`,
    ],
    button: null,
    orOpen,
    after: [
      `직접 변경하신 것이 아니라면 다른 사람이 계정을 사용하고 있을 수 있습니다. 즉시 ${service} 운영자에게 알려 주세요.`,
    ],
  }),

  [MailKind.PASSWORD_CHANGED]: ({ name, service }) => ({
    subject: `${service} 비밀번호가 변경되었습니다`,
    greeting: greeting(name),
    before: [`${service} 계정의 비밀번호가 변경되었습니다. 다른 기기에서는 다시 로그인하셔야 합니다.`],
    button: null,
    orOpen,
    after: [
      `직접 변경하신 것이 아니라면 다른 사람이 계정을 사용하고 있을 수 있습니다. 즉시 비밀번호를 재설정하시고 ${service} 운영자에게 알려 주세요.`,
    ],
  }),

  [MailKind.ACCOUNT_CLOSED]: ({ name, service }) => ({
    subject: `${service} 계정이 해지되었습니다`,
    greeting: greeting(name),
    before: [
      `${service} 계정이 해지되었습니다. 이제 이 계정으로 로그인할 수 없으며, 모든 기기에서 로그아웃되었습니다.`,
    ],
    button: null,
    orOpen,
    after: [`요청하신 적이 없다면 즉시 ${service} 운영자에게 알려 주세요.`],
  }),
};
