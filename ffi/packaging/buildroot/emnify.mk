################################################################################
#
# emnify
#
################################################################################

EMNIFY_VERSION = 0.1.0
# A checkout of the repository: make EMNIFY_CHECKOUT=/home/me/emnify-auth
# Buildroot builds offline but fetches no crates for a checkout. Run this there once:
#     mkdir -p .cargo && cargo vendor --locked >.cargo/config.toml
EMNIFY_SITE = $(EMNIFY_CHECKOUT)
EMNIFY_SITE_METHOD = local
EMNIFY_LICENSE = MIT or Apache-2.0
EMNIFY_LICENSE_FILES = LICENSE-MIT LICENSE-APACHE
EMNIFY_INSTALL_STAGING = YES
EMNIFY_CARGO_BUILD_OPTS = --package emnify-ffi

# Installs the headers, both libraries, emnify.pc and the CMake package. Buildroot removes the files that
# the target does not need, and strips the library there; the copy in staging keeps its debug symbols.
define EMNIFY_INSTALL_TO
	$(TARGET_CONFIGURE_OPTS) PREFIX=/usr DESTDIR=$(1) \
		DEBUG_SYMBOLS=$(if $(BR2_ENABLE_DEBUG),1,0) $(@D)/ffi/packaging/install.sh \
		$(@D)/target/$(RUSTC_TARGET_NAME)/$(if $(BR2_ENABLE_DEBUG),debug,release)/libemnify.a
endef

define EMNIFY_INSTALL_STAGING_CMDS
	$(call EMNIFY_INSTALL_TO,$(STAGING_DIR))
endef

define EMNIFY_INSTALL_TARGET_CMDS
	$(call EMNIFY_INSTALL_TO,$(TARGET_DIR))
endef

$(eval $(cargo-package))
