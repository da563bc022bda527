import { nextTick } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'

import { homePage, may, onSessionEnd, session } from './session'
import ConsoleShell from './shell/ConsoleShell.vue'
import SignInPage from './sign-in/SignInPage.vue'

declare module 'vue-router' {
  interface RouteMeta {
    title: string
  }
}

export const router = createRouter({
  history: createWebHistory('/admin/'),
  routes: [
    { path: '/sign-in', name: 'sign-in', component: SignInPage, meta: { title: '登录' } },
    {
      path: '/',
      component: ConsoleShell,
      children: [
        {
          path: '',
          name: 'overview',
          component: () => import('./overview/OverviewPage.vue'),
          meta: { title: '总览' },
        },
        { path: 'runs', name: 'runs', component: () => import('./runs/RunsPage.vue'), meta: { title: '评分运行' } },
        {
          path: 'policy-trials',
          name: 'policy-trials',
          component: () => import('./policy-trials/PolicyTrialsPage.vue'),
          meta: { title: '政策试算' },
        },
        {
          path: 'deliveries',
          name: 'deliveries',
          component: () => import('./deliveries/DeliveriesPage.vue'),
          meta: { title: '归集批次' },
        },
        {
          path: 'quarantine',
          name: 'quarantine',
          component: () => import('./quarantine/QuarantinePage.vue'),
          meta: { title: '待处理区' },
        },
        {
          path: 'quality',
          name: 'quality',
          component: () => import('./quality/QualityPage.vue'),
          meta: { title: '数据质量' },
        },
        {
          path: 'records',
          name: 'records',
          component: () => import('./records/KnownRecordsPage.vue'),
          meta: { title: '记录历史' },
        },
        {
          path: 'objections',
          name: 'objections',
          component: () => import('./objections/ObjectionsPage.vue'),
          meta: { title: '异议办理' },
        },
        {
          path: 'objections/:id',
          name: 'objection',
          component: () => import('./objections/ObjectionPage.vue'),
          props: true,
          meta: { title: '异议详情' },
        },
        {
          path: 'access-alerts',
          name: 'access-alerts',
          component: () => import('./oversight/AlertsPage.vue'),
          meta: { title: '访问预警' },
        },
        {
          path: 'access-alerts/:id',
          name: 'access-alert',
          component: () => import('./oversight/AlertPage.vue'),
          props: true,
          meta: { title: '核查访问预警' },
        },
        {
          path: 'own-access-alerts',
          name: 'own-access-alerts',
          component: () => import('./oversight/OwnAlertsPage.vue'),
          meta: { title: '我的查看说明' },
        },
        {
          path: 'access-complaints',
          name: 'access-complaints',
          component: () => import('./oversight/ComplaintsPage.vue'),
          meta: { title: '查看投诉' },
        },
        {
          path: 'recipient-deletions',
          name: 'recipient-deletions',
          component: () => import('./oversight/RecipientDeletionsPage.vue'),
          meta: { title: '授权终止后的删除' },
        },
        {
          path: 'ledger',
          name: 'ledger',
          component: () => import('./oversight/LedgerPage.vue'),
          meta: { title: '台账查询' },
        },
        {
          path: 'department-inbox',
          name: 'department-inbox',
          component: () => import('./department/InboxPage.vue'),
          meta: { title: '异议待办' },
        },
        {
          path: 'department-inbox/:id',
          name: 'department-case',
          component: () => import('./department/InboxCasePage.vue'),
          props: true,
          meta: { title: '核查异议' },
        },
        {
          path: 'department-repairs',
          name: 'department-repairs',
          component: () => import('./department/DepartmentRepairsPage.vue'),
          meta: { title: '修复待办' },
        },
        {
          path: 'department-repairs/:id',
          name: 'department-repair',
          component: () => import('./department/DepartmentRepairPage.vue'),
          props: true,
          meta: { title: '审核修复申请' },
        },
        {
          path: 'department-supplements',
          name: 'department-supplements',
          component: () => import('./department/DepartmentSupplementsPage.vue'),
          meta: { title: '申报待办' },
        },
        {
          path: 'department-supplements/:id',
          name: 'department-supplement',
          component: () => import('./department/DepartmentSupplementPage.vue'),
          props: true,
          meta: { title: '核验自主申报' },
        },
        {
          path: 'department-rows',
          name: 'department-rows',
          component: () => import('./department/DepartmentRowsPage.vue'),
          meta: { title: '更正待办' },
        },
        {
          path: 'department-quality',
          name: 'department-quality',
          component: () => import('./department/DepartmentQualityPage.vue'),
          meta: { title: '报送质量' },
        },
        {
          path: 'credit-checks',
          name: 'credit-checks',
          component: () => import('./credit-checks/CreditChecksPage.vue'),
          meta: { title: '信用核查' },
        },
        {
          path: 'credit-checks/:id',
          name: 'credit-check',
          component: () => import('./credit-checks/CreditCheckPage.vue'),
          props: true,
          meta: { title: '核查结果' },
        },
        {
          path: 'red-list',
          name: 'red-list',
          component: () => import('./lists/RedListPage.vue'),
          meta: { title: '红名单' },
        },
        {
          path: 'joint-incentives',
          name: 'joint-incentives',
          component: () => import('./joint-incentives/IncentivesPage.vue'),
          meta: { title: '联合激励' },
        },
        {
          path: 'joint-incentives/new',
          name: 'new-joint-incentive',
          component: () => import('./joint-incentives/InitiatePage.vue'),
          meta: { title: '发起联合激励' },
        },
        {
          path: 'joint-incentives/:id',
          name: 'joint-incentive',
          component: () => import('./joint-incentives/IncentivePage.vue'),
          props: true,
          meta: { title: '联合激励' },
        },
        {
          path: 'incentive-requests',
          name: 'incentive-requests',
          component: () => import('./joint-incentives/RequestsPage.vue'),
          meta: { title: '响应联合激励' },
        },
        {
          path: 'incentive-requests/:id',
          name: 'incentive-request',
          component: () => import('./joint-incentives/RequestPage.vue'),
          props: true,
          meta: { title: '响应联合激励' },
        },
        {
          path: 'enterprises',
          name: 'enterprises',
          component: () => import('./enterprises/EnterprisesPage.vue'),
          meta: { title: '企业查询' },
        },
        {
          path: 'enterprises/:code',
          name: 'portrait',
          component: () => import('./enterprises/PortraitRoute.vue'),
          props: true,
          meta: { title: '企业画像' },
        },
        {
          path: 'catalogue',
          name: 'catalogue',
          component: () => import('./catalogue/CataloguePage.vue'),
          meta: { title: '公共信用信息目录' },
        },
        {
          path: 'catalogue/drafts/:id',
          name: 'catalogue-draft',
          component: () => import('./catalogue/DraftPage.vue'),
          props: true,
          meta: { title: '目录草案' },
        },
        {
          path: 'repairs',
          name: 'repairs',
          component: () => import('./repairs/RepairsPage.vue'),
          meta: { title: '信用修复办理' },
        },
        {
          path: 'repairs/:id',
          name: 'repair',
          component: () => import('./repairs/RepairPage.vue'),
          props: true,
          meta: { title: '信用修复申请' },
        },
        {
          path: 'supplements',
          name: 'supplements',
          component: () => import('./supplements/SupplementsPage.vue'),
          meta: { title: '自主申报核验' },
        },
        {
          path: 'supplements/:id',
          name: 'supplement',
          component: () => import('./supplements/SupplementPage.vue'),
          props: true,
          meta: { title: '自主申报' },
        },
        {
          path: 'deletion-requests',
          name: 'deletion-requests',
          component: () => import('./deletion-requests/DeletionRequestsPage.vue'),
          meta: { title: '删除申请办理' },
        },
        {
          path: 'deletion-requests/:id',
          name: 'deletion-request',
          component: () => import('./deletion-requests/DeletionRequestPage.vue'),
          props: true,
          meta: { title: '删除申请' },
        },
        {
          path: 'commitments',
          name: 'commitments',
          component: () => import('./commitments/CommitmentsPage.vue'),
          meta: { title: '信用承诺跟踪' },
        },
        {
          path: 'commitments/:id',
          name: 'commitment',
          component: () => import('./commitments/CommitmentPage.vue'),
          props: true,
          meta: { title: '信用承诺' },
        },
        {
          path: 'schemes',
          name: 'schemes',
          component: () => import('./schemes/SchemesPage.vue'),
          meta: { title: '权益方案' },
        },
        {
          path: 'schemes/:code/:version',
          name: 'scheme',
          component: () => import('./schemes/SchemePage.vue'),
          props: true,
          meta: { title: '权益方案' },
        },
        {
          path: 'partners',
          name: 'partners',
          component: () => import('./partners/PartnersPage.vue'),
          meta: { title: '合作商户' },
        },
        {
          path: 'partners/:code',
          name: 'partner',
          component: () => import('./partners/PartnerPage.vue'),
          props: true,
          meta: { title: '合作商户' },
        },
        {
          path: 'settlements',
          name: 'settlements',
          component: () => import('./partners/SettlementsPage.vue'),
          meta: { title: '商户结算' },
        },
        {
          path: 'merchant-complaints',
          name: 'merchant-complaints',
          component: () => import('./partners/MerchantComplaintsPage.vue'),
          meta: { title: '商户投诉' },
        },
        {
          path: 'reports',
          name: 'reports',
          component: () => import('./reports/PrintPage.vue'),
          meta: { title: '信用报告' },
        },
        {
          path: ':unknown(.*)*',
          name: 'unknown',
          component: () => import('./shell/UnknownPage.vue'),
          meta: { title: '没有这个页面' },
        },
      ],
    },
  ],
})

router.beforeEach((to) => {
  if (to.name === 'sign-in') return session.token ? { name: homePage() } : true
  // A department's officer has nothing to see at the city's figures; the server would refuse them.
  if (to.name === 'overview' && session.token && may('department_officer')) return { name: 'department-inbox' }
  return session.token ? true : { name: 'sign-in', query: to.fullPath === '/' ? {} : { back: to.fullPath } }
})

router.afterEach((to, from) => {
  document.title = `${to.meta.title} · 公共信用管理台`
  // Keyboard and screen-reader users start at the new page's heading, not at the link they left.
  if (from.name && to.path !== from.path) {
    void nextTick(() => document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true }))
  }
})

onSessionEnd((because) => {
  const here = router.currentRoute.value
  if (here.name === 'sign-in') return
  const back = because === 'expired' && here.fullPath !== '/' ? { back: here.fullPath } : {}
  void router.replace({ name: 'sign-in', query: { ended: because, ...back } })
})
