// Numbers and times as a person reads them. Money comes in paise, volatility as a decimal, times as ISO in IST.
const money = new Intl.NumberFormat("en-IN", { style: "currency", currency: "INR", maximumFractionDigits: 0 });
const signedMoney = new Intl.NumberFormat("en-IN", { style: "currency", currency: "INR", maximumFractionDigits: 0, signDisplay: "exceptZero" });
const exact = new Intl.NumberFormat("en-IN", { style: "currency", currency: "INR", minimumFractionDigits: 2 });
const pointsFormat = new Intl.NumberFormat("en-IN", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat("en-IN");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const NONE = "–";

export const rupees = (paise) => (paise === null ? NONE : money.format(paise / 100));
export const signedRupees = (paise) => (paise === null ? NONE : signedMoney.format(paise / 100));
export const exactRupees = (paise) => exact.format(paise / 100);
export const points = (value) => (value === null ? NONE : pointsFormat.format(value));
export const count = (value) => whole.format(value);
export const percent = (value, digits = 1) => (value === null ? NONE : `${(100 * value).toFixed(digits)}%`);
export const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
export const time = (iso) => (iso ? iso.slice(11, 19) : NONE);
export const words = (name) => name.replaceAll("_", " ");
export const tone = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");

export function day(iso) {
  if (!iso) return "no day yet";
  const [year, month, date] = iso.slice(0, 10).split("-").map(Number);
  return `${date} ${MONTHS[month - 1]} ${year}`;
}

export function span(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}
