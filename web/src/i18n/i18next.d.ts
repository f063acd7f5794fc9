import "i18next";
import type reasons from "./gen/reasons.pt-BR.json";
import type account from "./locales/pt-BR/account.json";
import type admin from "./locales/pt-BR/admin.json";
import type auth from "./locales/pt-BR/auth.json";
import type calendar from "./locales/pt-BR/calendar.json";
import type common from "./locales/pt-BR/common.json";
import type instance from "./locales/pt-BR/instance.json";
import type notification from "./locales/pt-BR/notification.json";
import type schedule from "./locales/pt-BR/schedule.json";
import type webhook from "./locales/pt-BR/webhook.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: {
      common: typeof common;
      auth: typeof auth;
      account: typeof account;
      admin: typeof admin;
      instance: typeof instance;
      schedule: typeof schedule;
      calendar: typeof calendar;
      notification: typeof notification;
      webhook: typeof webhook;
      reasons: typeof reasons;
    };
    returnNull: false;
  }
}
