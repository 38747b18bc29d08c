#include <dlfcn.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <string.h>

#include "dynlib.h"

lao_status_t lao__dynlib_open(const char *path, void **handle, lao__error_t *error) {
    const char *reason;
    if (path[0] != '/') {
        return lao__fail(error, LAO_LOAD_FAILED, "`%s` is not an absolute path", path);
    }
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_FIRST);
    if (*handle == NULL) {
        reason = dlerror();
        return lao__fail(error, LAO_LOAD_FAILED, "%s", reason != NULL ? reason : "the loader refused it");
    }
    return LAO_OK;
}

static vm_prot_t protection_at(const void *address, mach_vm_size_t *bytes_left) {
    mach_vm_address_t start = (mach_vm_address_t)address;
    mach_vm_size_t size = 0;
    vm_region_basic_info_data_64_t info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_port_t object = MACH_PORT_NULL;
    *bytes_left = 0;
    if (mach_vm_region(mach_task_self(), &start, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count,
                       &object) != KERN_SUCCESS ||
        start > (mach_vm_address_t)address) {
        return VM_PROT_NONE;
    }
    *bytes_left = size - ((mach_vm_address_t)address - start);
    return info.protection;
}

bool lao__dynlib_find(void *handle, const char *name, lao__symbol_t *symbol) {
    memset(symbol, 0, sizeof *symbol);
    symbol->address = dlsym(handle, name);
    if (symbol->address == NULL) {
        return false;
    }
    /* Mach-O symbols carry no type; code and data lie in segments of different protection. */
    symbol->kind = lao__dynlib_is_code(symbol->address) ? LAO__SYMBOL_FUNCTION : LAO__SYMBOL_OBJECT;
    return true;
}

bool lao__dynlib_is_code(const void *address) {
    mach_vm_size_t bytes_left;
    return (protection_at(address, &bytes_left) & VM_PROT_EXECUTE) != 0;
}

size_t lao__dynlib_readable_bytes(const void *address) {
    mach_vm_size_t bytes_left;
    return (protection_at(address, &bytes_left) & VM_PROT_READ) != 0 ? (size_t)bytes_left : 0;
}
