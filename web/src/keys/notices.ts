/** The notices of the packages that the page is built with; `vite.config.ts` puts them here, so that every copy has them. */
export const NOTICES = "%THIRD-PARTY-NOTICES%";
