import { gql } from '@apollo/client';

const USER_FIELDS = gql`
  fragment UserFields on User {
    id
    name
    email
    emailVerified
    isActive
    role {
      id
      name
    }
  }
`;

export const ME = gql`
  query Me {
    me {
      ...UserFields
      sessions {
        id
        userAgent
        ipAddress
        lastUsedAt
        current
      }
    }
  }
  ${USER_FIELDS}
`;

export const UPDATE_PROFILE = gql`
  mutation UpdateProfile($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      ...UserFields
    }
  }
  ${USER_FIELDS}
`;

export const REVOKE_SESSION = gql`
  mutation RevokeSession($id: ID!) {
    revokeSession(id: $id) {
      sessionsEnded
    }
  }
`;

export const DELETE_USER = gql`
  mutation DeleteUser($id: ID!, $password: String) {
    deleteUser(id: $id, password: $password) {
      id
      deletedAt
    }
  }
`;

export const USERS = gql`
  query Users($search: String, $after: String, $orderBy: UserOrder) {
    users(first: 10, after: $after, filter: { search: $search }, orderBy: $orderBy) {
      totalCount
      nodes {
        ...UserFields
        deletedAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
  ${USER_FIELDS}
`;

export const SET_USER_ROLE = gql`
  mutation SetUserRole($id: ID!, $role: RoleName!) {
    setUserRole(id: $id, role: $role) {
      ...UserFields
    }
  }
  ${USER_FIELDS}
`;

export const DEACTIVATE_USER = gql`
  mutation DeactivateUser($id: ID!) {
    deactivateUser(id: $id) {
      ...UserFields
    }
  }
  ${USER_FIELDS}
`;

export const ACTIVATE_USER = gql`
  mutation ActivateUser($id: ID!) {
    activateUser(id: $id) {
      ...UserFields
    }
  }
  ${USER_FIELDS}
`;

export const AUDIT_EVENTS = gql`
  query AuditEvents($after: String) {
    auditEvents(first: 20, after: $after) {
      nodes {
        id
        action
        subjectId
        ipAddress
        at
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;
