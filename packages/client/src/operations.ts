// Made by `UPDATE_DOCS=1 npm test -- --selectProjects house` from schema.graphql and operations.graphql.

/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** Another password for the signed-in user. */
export type ChangePasswordInput = {
  currentPassword: string;
  /** Characters of any kind: at least as many as the server wants (`PASSWORD_MIN_LENGTH`, 8 unless set), and at most 128 in Unicode's form NFKC. Not one of the most common passwords, nor the user's name or address or what stands before its @. */
  newPassword: string;
};

/** Who signs in. */
export type LoginInput = {
  /** The last `AuthPayload.deviceToken` that this device was given: failed attempts of strangers then keep nobody out here. One that is unknown counts for nothing. Where tokens travel in cookies, only the cookie counts. */
  deviceToken?: string | null | undefined;
  email: string;
  password: string;
};

/** The refresh token of the last answer. Where it travels in a cookie, only the cookie counts. */
export type RefreshInput = {
  refreshToken: string;
};

/** A new account. There is no role: every registration makes a member. */
export type RegisterInput = {
  email: string;
  /** 1 to 100 characters, one of them visible; no controls of direction. */
  name: string;
  /** Characters of any kind: at least as many as the server wants (`PASSWORD_MIN_LENGTH`, 8 unless set), and at most 128 in Unicode's form NFKC. Not one of the most common passwords, nor the user's name or address or what stands before its @. */
  password: string;
};

/** What a user may do. */
export type RoleName =
  /** Reads, lists and deletes every user. */
  | 'ADMIN'
  /** Reads and deletes their own account. */
  | 'MEMBER';

export type SignedInFragment = { accessToken: string, accessTokenExpiresIn: number, refreshToken: string, deviceToken: string | null, session: { id: string }, user: { id: string, email: string, name: string, emailVerified: boolean, role: { name: RoleName } } };

export type GatehouseRegisterMutationVariables = Exact<{
  input: RegisterInput;
}>;


export type GatehouseRegisterMutation = { register: { accessToken: string, accessTokenExpiresIn: number, refreshToken: string, deviceToken: string | null, session: { id: string }, user: { id: string, email: string, name: string, emailVerified: boolean, role: { name: RoleName } } } };

export type GatehouseLoginMutationVariables = Exact<{
  input: LoginInput;
}>;


export type GatehouseLoginMutation = { login: { accessToken: string, accessTokenExpiresIn: number, refreshToken: string, deviceToken: string | null, session: { id: string }, user: { id: string, email: string, name: string, emailVerified: boolean, role: { name: RoleName } } } };

export type GatehouseRefreshMutationVariables = Exact<{
  input: RefreshInput;
}>;


export type GatehouseRefreshMutation = { refresh: { accessToken: string, accessTokenExpiresIn: number, refreshToken: string, deviceToken: string | null, session: { id: string }, user: { id: string, email: string, name: string, emailVerified: boolean, role: { name: RoleName } } } };

export type GatehouseChangePasswordMutationVariables = Exact<{
  input: ChangePasswordInput;
}>;


export type GatehouseChangePasswordMutation = { changePassword: { accessToken: string, accessTokenExpiresIn: number, refreshToken: string, deviceToken: string | null, session: { id: string }, user: { id: string, email: string, name: string, emailVerified: boolean, role: { name: RoleName } } } };

export type GatehouseLogoutMutationVariables = Exact<{ [key: string]: never; }>;


export type GatehouseLogoutMutation = { logout: { sessionsEnded: number } };

export type GatehouseLogoutEverywhereMutationVariables = Exact<{ [key: string]: never; }>;


export type GatehouseLogoutEverywhereMutation = { logoutEverywhere: { sessionsEnded: number } };

export const GatehouseRegister =
  'mutation GatehouseRegister($input:RegisterInput!){register(input:$input){...SignedIn}}fragment SignedIn on AuthPayload{accessToken accessTokenExpiresIn refreshToken deviceToken session{id}user{id email name emailVerified role{name}}}';

export const GatehouseLogin =
  'mutation GatehouseLogin($input:LoginInput!){login(input:$input){...SignedIn}}fragment SignedIn on AuthPayload{accessToken accessTokenExpiresIn refreshToken deviceToken session{id}user{id email name emailVerified role{name}}}';

export const GatehouseRefresh =
  'mutation GatehouseRefresh($input:RefreshInput!){refresh(input:$input){...SignedIn}}fragment SignedIn on AuthPayload{accessToken accessTokenExpiresIn refreshToken deviceToken session{id}user{id email name emailVerified role{name}}}';

export const GatehouseChangePassword =
  'mutation GatehouseChangePassword($input:ChangePasswordInput!){changePassword(input:$input){...SignedIn}}fragment SignedIn on AuthPayload{accessToken accessTokenExpiresIn refreshToken deviceToken session{id}user{id email name emailVerified role{name}}}';

export const GatehouseLogout =
  'mutation GatehouseLogout{logout{sessionsEnded}}';

export const GatehouseLogoutEverywhere =
  'mutation GatehouseLogoutEverywhere{logoutEverywhere{sessionsEnded}}';
