package synthetic

import "fmt"

// putOther adds one root that is no cluster: an app, roles of a team, or plain
// manifests without a kustomization.
func putOther(all files, i int) {
	root, team := other(i), fmt.Sprintf("team-%d", i/3+1)
	switch i % 3 {
	case 0:
		all.put(root+"/kustomization.yaml", fmt.Sprintf(app, team))
		all.put(root+"/web.yaml", web)
	case 1:
		all.put(root+"/kustomization.yaml", fmt.Sprintf(roles, team))
		all.put(root+"/role.yaml", role)
	case 2:
		all.put(root+"/quota.yaml", fmt.Sprintf(quota, team, team))
	}
}

const app = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: %s
resources:
- web.yaml
configMapGenerator:
- name: web
  literals:
  - LOG_LEVEL=warn
images:
- name: registry.example.com/web
  newTag: 1.4.2
`

const web = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      automountServiceAccountToken: false
      containers:
      - name: web
        image: registry.example.com/web
        envFrom:
        - configMapRef:
            name: web
        ports:
        - containerPort: 8080
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
    targetPort: 8080
`

const roles = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: %s
resources:
- role.yaml
`

const role = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: viewer
rules:
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: viewer
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: viewer
subjects:
- kind: Group
  apiGroup: rbac.authorization.k8s.io
  name: developers
`

const quota = `apiVersion: v1
kind: ResourceQuota
metadata:
  name: compute
  namespace: %s
spec:
  hard:
    requests.cpu: "20"
    requests.memory: 64Gi
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: closed
  namespace: %s
spec:
  podSelector: {}
  policyTypes: [Ingress]
`
