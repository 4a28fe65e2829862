/** All that is recorded: past tense with its noun, and what there is to know of it. */
export const AUDIT_ACTIONS = {
  'user.registered': 'there is a new account, or a first admin made by a command',
  'user.imported': 'there is a new account, from a file',
  'user.profile_updated': 'another name',
  'user.password_changed': 'another password, by the old one or by a link; how many sessions ended',
  'user.email_verified': 'an address was shown to be that of its user',
  'user.email_changed': 'another address, by a link',
  'user.role_changed': 'another role; from which to which',
  'user.deactivated': 'an account was switched off; why',
  'user.activated': 'an account was switched on again',
  'user.deleted': 'an account was closed',
  'user.restored': 'the deletion of an account was taken back',
  'user.purged': 'what was personal in a closed account was removed',
  'user.data_exported': 'somebody had everything exported that is held about them',
  'session.opened': 'somebody signed in',
  'session.ended':
    'sessions were ended by their user, or because another was opened beyond the limit; how many and, for the latter, why',
  'session.reuse_detected': 'a refresh token came a second time, and its session ended',
  'login.failed': 'a login was refused; by which code',
  'password_change.failed': 'the old password was wrong',
  'password_reset.requested': 'a link was asked for that sets another password',
  'email_verification.requested': 'a link was asked for that shows an address to be that of its user',
  'email_change.requested': 'a link was asked for that sets another address',
  'email_change.failed': 'the password was wrong with which another address was asked for',
  'records.removed': 'rows that were older than their retention were removed; how many of each kind',
  'user_deletion.failed': 'the password was wrong with which somebody confirmed the deletion of their account',
  'access.denied': 'somebody signed in tried an operation that is not theirs; which',
} as const;

export type AuditAction = keyof typeof AUDIT_ACTIONS;

export const isAuditAction = (text: string): text is AuditAction => Object.hasOwn(AUDIT_ACTIONS, text);
