import { computed, ref } from 'vue'

const STORAGE_KEY = 'osmanthus.large-text'
const large = ref<boolean | null>(null)

/** The reader's choice of larger type (大字版), kept on this phone and applied to every page's root. */
export function useTextSize() {
  if (large.value === null) large.value = uni.getStorageSync(STORAGE_KEY) === true
  return {
    isLarge: computed(() => large.value === true),
    textSize: computed(() => (large.value === true ? 'page--large' : '')),
    toggle() {
      large.value = large.value !== true
      uni.setStorageSync(STORAGE_KEY, large.value)
    },
  }
}
