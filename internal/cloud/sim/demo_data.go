package sim

import "time"

const (
	saoPaulo = "sa-east-1"
	virginia = "us-east-1"
	ohio     = "us-east-2"
)

// demoAccounts is the demo's estate as data: 160 machines.
var demoAccounts = []demoAccount{
	{
		id: "318840275512", name: "ipe-prd", key: "IPEPRD2", environment: "produção", network: 10,
		crowds: []crowd{
			{"api", 6, "m6i.xlarge", saoPaulo, "pedidos", "plataforma", []trait{protected}},
			{"web", 4, "c6i.large", saoPaulo, "portal", "loja", []trait{grouped("ipe-prd-web"), public}},
			{"bd", 4, "r6i.2xlarge", saoPaulo, "pedidos", "plataforma", []trait{protected}},
			{"cache", 3, "r6i.large", saoPaulo, "pedidos", "plataforma", nil},
			{"fila", 3, "m6i.large", saoPaulo, "pedidos", "plataforma", nil},
			{"jobs", 4, "c6i.2xlarge", saoPaulo, "estoque", "plataforma", nil},
			{"busca", 3, "r6i.xlarge", saoPaulo, "portal", "loja", nil},
			{"pag", 4, "c6i.xlarge", saoPaulo, "pagamentos", "pagamentos", []trait{protected}},
			{"bi", 2, "r6i.2xlarge", saoPaulo, "relatórios", "dados", []trait{stoppedFor(9)}},
			{"bi", 1, "r6i.4xlarge", saoPaulo, "relatórios", "dados", []trait{alone("ipe-prd-bi-03"), zone("c")}},
			{"etl", 3, "c6i.4xlarge", saoPaulo, "relatórios", "dados", nil},
			{"rel", 1, "m6i.large", saoPaulo, "relatórios", "dados", []trait{alone("ipe-prd-rel-antigo"), stoppedFor(412), tagged("gerido-por", "manual")}},
			{"nfe", 3, "m6i.large", saoPaulo, "notas", "fiscal", []trait{windows}},
			{"ftp", 1, "t3.small", saoPaulo, "notas", "fiscal", []trait{windows, elastic("203.0.113.24"), tagged("gerido-por", "manual")}},
			{"bastion", 1, "t3.micro", saoPaulo, "acesso", "plataforma", []trait{elastic("198.51.100.11")}},
			{"vpn", 1, "t3.small", saoPaulo, "acesso", "plataforma", []trait{elastic("198.51.100.12")}},
			{"dr-bd", 2, "r6i.xlarge", virginia, "pedidos", "plataforma", []trait{protected}},
			{"dr-api", 4, "m6i.large", virginia, "pedidos", "plataforma", []trait{stoppedFor(61)}},
		},
	},
	{
		id: "447122901836", name: "ipe-hml", key: "IPEHML2", environment: "homologação", network: 20,
		crowds: []crowd{
			{"api", 4, "t3.large", saoPaulo, "pedidos", "plataforma", []trait{
				zone("a"),
				exactly(2, "i-0c41d7e9a2b85f310", "10.20.4.37", time.Date(2025, time.March, 12, 13, 40, 7, 0, time.UTC)),
			}},
			{"web", 3, "t3.large", saoPaulo, "portal", "loja", []trait{public}},
			{"bd", 2, "r6i.large", saoPaulo, "pedidos", "plataforma", nil},
			{"pg", 1, "r6i.large", saoPaulo, "pagamentos", "pagamentos", []trait{protected}},
			{"cache", 2, "t3.medium", saoPaulo, "pedidos", "plataforma", []trait{zone("c")}},
			{"fila", 2, "t3.medium", saoPaulo, "pedidos", "plataforma", nil},
			{"jobs", 3, "c6i.xlarge", saoPaulo, "estoque", "plataforma", []trait{zone("c"), stoppedFor(3, 3)}},
			{"rel", 2, "t3.large", saoPaulo, "relatórios", "dados", []trait{grouped("ipe-hml-rel")}},
			{"busca", 2, "m6i.large", saoPaulo, "portal", "loja", nil},
			{"pag", 3, "t3.large", saoPaulo, "pagamentos", "pagamentos", nil},
			{"bi", 3, "r6i.xlarge", saoPaulo, "relatórios", "dados", []trait{stoppedFor(1, 2, 3)}},
			{"nfe", 2, "t3.large", saoPaulo, "notas", "fiscal", []trait{windows}},
			{"carga", 4, "c6i.2xlarge", saoPaulo, "testes", "plataforma", []trait{stoppedFor(18), tagged("gerido-por", "manual")}},
			{"canario", 2, "t3.small", virginia, "pedidos", "plataforma", nil},
		},
	},
	{
		id: "629035518274", name: "ipe-dev", key: "IPEDEV2", environment: "desenvolvimento", network: 30,
		crowds: []crowd{
			{"api", 5, "t3.medium", virginia, "pedidos", "plataforma", nil},
			{"bd", 3, "t3.large", virginia, "pedidos", "plataforma", []trait{stoppedFor(27, 3)}},
			{"web", 3, "t3.medium", virginia, "portal", "loja", []trait{public}},
			{"pag", 2, "t3.medium", virginia, "pagamentos", "pagamentos", nil},
			{"ci", 4, "c6i.xlarge", ohio, "entrega", "plataforma", nil},
			{"ci-spot", 3, "c6i.2xlarge", ohio, "entrega", "plataforma", []trait{spot}},
			{"lab", 1, "g5.2xlarge", saoPaulo, "previsão", "pesquisa", []trait{named("ipe-lab-gpu"), protected, stoppedFor(2)}},
			{"lab", 1, "g5.xlarge", virginia, "previsão", "pesquisa", []trait{alone("ipe-lab-gpu-02")}},
			{"lab", 4, "m6i.xlarge", virginia, "previsão", "pesquisa", []trait{named("ipe-lab-notebook"), stoppedFor(5, 1, 4)}},
			{"teste", 6, "t3.medium", virginia, "", "", []trait{untagged, stoppedFor(203, 2, 3, 6)}},
			{"prova-k8s", 3, "m6i.large", ohio, "", "", []trait{untagged}},
		},
	},
	{
		id: "770418263905", name: "ipe-lojas", key: "IPELOJ2", environment: "produção", network: 40,
		// Its organization closes a region that nobody uses: coverage says so.
		denied: []Denial{{Action: "ec2:StopInstances", Region: ohio}, {Action: "ec2:DescribeInstances", Region: "eu-west-3"}},
		crowds: []crowd{
			{"pdv-campinas", 5, "t3.small", saoPaulo, "caixa", "loja", nil},
			{"pdv-curitiba", 4, "t3.small", saoPaulo, "caixa", "loja", nil},
			{"pdv-recife", 2, "t3.small", saoPaulo, "caixa", "loja", nil},
			{"pdv-santos", 2, "t3.small", saoPaulo, "caixa", "loja", []trait{stoppedFor(96)}},
			{"pdv-goiania", 2, "t3.small", saoPaulo, "caixa", "loja", nil},
			{"pdv-salvador", 2, "t3.small", saoPaulo, "caixa", "loja", nil},
			{"pdv-belem", 2, "t3.small", saoPaulo, "caixa", "loja", nil},
			{"pdv-manaus", 3, "t3.small", saoPaulo, "caixa", "loja", nil},
			{"pdv-natal", 2, "t3.small", saoPaulo, "caixa", "loja", nil},
			{"sinc", 4, "m6i.large", saoPaulo, "estoque", "loja", []trait{protected}},
			{"notas", 3, "t3.large", saoPaulo, "notas", "fiscal", []trait{windows}},
			{"painel", 2, "t3.medium", saoPaulo, "painel", "loja", []trait{public}},
			{"cam", 1, "m6i.xlarge", saoPaulo, "câmeras", "loja", []trait{ephemeral}},
			{"etl", 2, "c6i.xlarge", ohio, "relatórios", "dados", nil},
			{"copia", 4, "t3.large", ohio, "estoque", "dados", []trait{stoppedFor(44, 3, 4)}},
		},
	},
}
