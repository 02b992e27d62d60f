from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import pytest

PACKAGES = ("smt.data", "smt.fleet", "smt.mmo", "smt.techniques", "smt.template", "smt.training")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_packages_names_are_no_modules_whatever_of_it_is_imported(package):
    found = import_module(package)
    for module in iter_modules(found.__path__):
        if module.name != "__main__":
            import_module(f"{package}.{module.name}")
    assert not [name for name in found.__all__ if isinstance(getattr(found, name), ModuleType)]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_a_package_lacks_is_an_attribute_error_that_names_both(package):
    lacking = "trian"
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute '{lacking}'"):
        getattr(import_module(package), lacking)
